# frozen_string_literal: true

class CreateOutbox < ActiveRecord::Migration[6.1]
  def change
    create_table :outbox do |table|
      table.string :topic, null: false
      table.binary :key
      table.binary :payload
      table.datetime :created_at, null: false
    end
  end
end
